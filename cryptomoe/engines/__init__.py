"""The engines that realise the arithmetic black box, and the interface itself."""
