//! BleepStore on AWS: its stores, and the translation of Lambda events.
