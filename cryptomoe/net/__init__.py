"""The channel between the two parties: labelled, checked messages over one of several carriers."""
