"""Tables of papers, each run again from one configuration, with the published protocol and a clean one."""
