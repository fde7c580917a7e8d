"""Scores of predictions; every model is seen through dlh.interfaces.VideoModel."""

from dlh.evaluation.futures import FutureScores, score_futures
from dlh.evaluation.scores.frames import PSNR_CAP, psnr

__all__ = ["PSNR_CAP", "FutureScores", "psnr", "score_futures"]
