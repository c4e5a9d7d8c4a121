"""The command line: one subcommand of `purser` a file, and beside them what several share.

A subcommand's file has its name, `add_arguments(parser)` and `run(args) -> exit code`; the table
of them is in `server.cli`. Every other file serves them: what is printed and asked (`common`,
`screen`, `wording`, `progress`, `ctrl_c`), what is typed (`request_arguments`, `ids`, `launcher`),
the content that is shown or kept in files (`content`, `folder`, `file_names`), and parts of one
long command (`fetch_*`, `policy_change`, `play_wallet`).
"""
