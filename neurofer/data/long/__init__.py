"""Long recordings with all their micro- and macro-expressions: data sets, and the store they are prepared into."""
