// The suite counts the process's sockets, so nothing else may open any meanwhile.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
