"""Study: from study files to everything the workflow is asked to make."""
