mod fixtures;
mod life;
mod merging;
mod properties;
mod resolving;
mod splitting;
mod table;
