"""What only the Moving Ball knows: its positions, and what an ideal observer of it could predict."""
