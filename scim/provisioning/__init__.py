"""The provisioning interface: who writes, what a source looks like, and what a sync plan holds.

Everything here is a value or a port (:class:`typing.Protocol`). `azure_adapter` speaks to the
ports, `storage` and `gateway` implement them; neither of the two knows the other.
"""
