//! The life of runs, from the record up to the threads that train.

mod bench;
mod fence;
mod full;
mod group_commit;
mod plan;
mod queue;
mod recover;
mod serving;
mod throughput;
mod training;
mod trajectory;
mod transitions;
