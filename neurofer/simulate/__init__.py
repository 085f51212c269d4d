"""Events from films, and films of procedural faces.

``pixel`` and ``esim`` turn frames into events, ``film_events`` does so for any video; ``performance`` draws people,
what they show and when, ``faces`` renders it with ground truth for every frame.
"""
