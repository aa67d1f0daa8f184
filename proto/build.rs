//! Compiles the contracts without `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "dossier/assignment/v1/assignment.proto",
        "dossier/cases/v1/cases.proto",
        "dossier/cases/v1/customers.proto",
        "dossier/ingestion/v1/channels.proto",
        "dossier/ingestion/v1/dead_letters.proto",
        "dossier/ingestion/v1/deliveries.proto",
        "dossier/ingestion/v1/ingestion.proto",
        "dossier/operations/v1/operations.proto",
        "dossier/policy/v1/policy.proto",
    ];
    println!("cargo:rerun-if-changed=dossier");
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // With comments, so that what describes the contract to people can take its text from here.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let descriptors = prost_types(&compiler.encode_file_descriptor_set())?;
    // Ordered maps: the same message has the same bytes, so that a retry can be told from another command.
    tonic_prost_build::configure().build_transport(true).btree_map(".").compile_fds(descriptors)?;
    Ok(())
}

fn prost_types(bytes: &[u8]) -> Result<prost_types::FileDescriptorSet, prost::DecodeError> {
    prost_types::FileDescriptorSet::decode(bytes)
}
