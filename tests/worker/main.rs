//! The life of runs, from the record up to the threads that train.

mod bench;
mod fence;
mod group_commit;
mod queue;
mod recover;
mod throughput;
mod training;
mod transitions;
