mod fixtures;
mod life;
mod merging;
mod properties;
mod resolving;
mod table;
