"""The bus: messages with headers, in order per key, at least once. In one process here; Kafka fulfils the same interface."""

from fourgates.chassis.bus.interface import Bus, Consumer, Message, Publisher
from fourgates.chassis.bus.in_process import InProcessBus

__all__ = ["Bus", "Consumer", "InProcessBus", "Message", "Publisher"]
