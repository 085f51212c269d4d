"""Scores, intervals and protocols: from predictions and truth to the numbers of a report."""
