"""Database clients for Tortoise, where its own do not do what the gateway needs."""
