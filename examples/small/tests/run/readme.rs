//! What `examples/README.md` says of the examples.

use std::fs;
use std::path::Path;

/// So that each can be read at one sight.
const MAX_LINES: usize = 80;

#[test]
fn every_example_is_short_and_in_readme() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(package.join("../README.md")).unwrap();
    let mut found = 0;
    for entry in fs::read_dir(package.join("src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let files = match path.is_dir() {
            true => fs::read_dir(&path)
                .unwrap()
                .map(|file| file.unwrap().path())
                .collect(),
            false => vec![path.clone()],
        };
        for file in files {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines < MAX_LINES, "{} has {lines} lines", file.display());
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let place = path.file_name().unwrap().to_str().unwrap();
        let row = format!("| [`{name}`](small/src/bin/{place}) |");
        assert!(readme.contains(&row), "{row}");
        found += 1;
    }
    assert_eq!(found, readme.matches("](small/src/bin/").count());
}
