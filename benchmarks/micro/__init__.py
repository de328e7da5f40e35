"""What a request costs, stage by stage, in one process; and whether a change has made a stage dearer."""
