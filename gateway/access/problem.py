"""What can be wrong with what an administrator asks for."""


class AccessProblem(Exception):
    """Access cannot be given or taken as asked; the message says why and what to do."""
