"""Micro-expression data sets: their spreadsheets and frames into records, and records into stores of aligned faces."""
