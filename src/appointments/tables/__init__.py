"""The tables: the only modules that read and write DynamoDB."""
