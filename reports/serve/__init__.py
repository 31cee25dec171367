"""`splitbrain serve`: a browser over many runs.

    store     opens what is in a runs folder, and nothing else
    facts     the few facts of one run that lists are made of
    index     the facts of every run, kept up to date
    query     search, filter, order and paging, as a form of GET
    gates     the kept answers of gates
    trends    verdicts and availability of each claim over time
    pair      runs side by side
    live      a run that is still going on
    judging   judging again, in a process of its own
    download  histories and folders to take away
    guard     who may ask, and what a browser may do with an answer
    respond   the forms of an answer
    app       the addresses
    server    the socket, and the end of it all

A runs folder may come from anywhere: a colleague, a CI job, a store under test that wrote its own logs. So everything
in it is a stranger's. It is read in bounded pieces, never followed out of the folder, never run, and it reaches a page
only as text.
"""
