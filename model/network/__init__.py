"""The velocity network (SPEC M1-M9)."""

from model.network.network import Conditions, Features, Network, build_network

__all__ = ["Conditions", "Features", "Network", "build_network"]
