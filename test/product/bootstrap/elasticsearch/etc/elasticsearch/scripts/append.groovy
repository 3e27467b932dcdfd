ctx._source[key] = (ctx._source[key] ?: []) + value
