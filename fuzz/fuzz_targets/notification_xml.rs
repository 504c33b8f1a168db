#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bleepstore_fuzz::run("notification_xml", data));
