"""Question 2: a threat model kept as data, and the gate that withholds an agent's authority.

``threat_model.yml`` is the list of threats and controls, ``threats`` reads it and ranks the work, ``numbers`` turns
limits into the attacker's units. ``gate`` decides on tool calls, ``session`` runs what it allows, ``output`` decides on what is
shown; ``links``, ``mail`` and ``egress`` judge one address each. ``corpus`` runs the gate on written attacks and honest requests.
"""
