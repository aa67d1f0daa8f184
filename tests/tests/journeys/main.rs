//! Journeys through the whole platform: the life of a case over gRPC and JSON, who sees what, policy, erasure.

mod attachments;
mod automatic;
mod bulk;
mod customers;
mod erasure;
mod every_command;
mod follow_ups;
mod guards;
mod handed_over;
mod lists;
mod merged;
mod moments;
mod moving;
mod opt_outs;
mod pairs;
mod policy;
mod removed;
mod retries;
mod rules;
mod seen;
mod splitting;
mod timers;
mod unseen;
mod visibility;
mod watch;
mod whose;
