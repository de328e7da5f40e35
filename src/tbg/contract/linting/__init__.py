"""What a contract says and nobody would notice: found by reading its objects, in time linear in the document."""
