"""The configurations that come with neurofer: `neurofer ls` lists them, `neurofer cp` copies one."""
