"""SCIM 2.0 as a protocol: resources, service, handler and the ports of the gateway.

This package imports no other folder of the project and does no input or output of its own.
"""
