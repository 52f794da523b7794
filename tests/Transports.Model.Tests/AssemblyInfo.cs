// The tests take the process's thread pool for themselves, which is also why they are a project of their own.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
