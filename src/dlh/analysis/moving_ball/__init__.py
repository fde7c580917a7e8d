"""What only Moving Ball knows: its positions, and what an ideal observer could predict."""
