"""The page of ``neurofer watch --web``: a running stream in a browser, over one WebSocket a page."""
