mod fixtures;
mod life;
mod merging;
mod properties;
mod replying;
mod resolving;
mod splitting;
mod table;
