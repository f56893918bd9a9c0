"""The read lane: stored documents are spliced into answers, no model is built.

What it answers is equal to what the protocol engine would answer; a property test compares the
two. What it does not understand it leaves to the protocol engine, errors included.
"""
