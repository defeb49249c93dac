"""Question 8: moderation as a cascade, for prompts and for answers while they stream.

``policy`` reads ``policy.yml``; ``reading`` undoes disguises; ``small`` is the cheap classifier, ``workers`` its
processes, ``guard`` the costly one behind limits; ``cascade`` decides on one text, ``stream`` on an answer as it grows,
``wire`` says it to the client.
``cells``, ``sampling``, ``quality``, ``drift`` and ``latency`` are the arithmetic. ``dataset`` writes the labeled
texts, all of them harmless; ``train`` needs scikit-learn and writes ``model.json``; ``evaluate`` writes ``report.json``.
"""
