"""The same server in OpenAI's dialect: prefixed ids, nulls, and a batch that looks at its lines by itself."""
