"""The ground floor: errors, files, YAML, language, the study and progress; imports nothing else of psylm."""
