-- Mistakes in src/bind.
return {
  tests = { "lua/test_array", "lua/test_array_numbers", "lua/test_data", "lua/test_native", "lua/test_missing", "lua/test_nn",
    "lua/test_model", "lua/test_session", "lua/test_training", "lua/test_numbers", "lua/test_names", "lua/test_define" },

  { file = "src/bind/bind_array_index.c", old = "range_number(L, where, 2, step > 0 ? -1 : 1)", new = "range_number(L, where, 2, -1)" },
  { file = "src/bind/bind_array_index.c", old = "a->ndim - 1);\n    const Array *positions", new = "0);\n    const Array *positions" },
  { file = "src/bind/bind_array_reduce.c", old = "if (!given && !what.keepdims)\n        return push_whole", new = "if (!given)\n        return push_whole" },
  { file = "src/bind/bind_array_reduce.c", old = ".origin = 1 };", new = ".origin = 0 };" },
  { file = "src/bind/bind_call.c", old = "    bind_grad_resume(L, &frame);\n", new = "", tests = { "lua/test_grad" } },
  { file = "src/bind/bind_call.c", old = "    a->read_only = true;\n    return a;", new = "    return a;",
    tests = { "lua/test_kernels_in_lua" } },
  { file = "src/bind/bind_dataset.c", old = "if (given && given->dtype == DTYPE_U8)", new = "if (given && given->dtype == DTYPE_I32)",
    tests = { "lua/test_stored_bytes" } },
  { file = "src/bind/bind_fields.c", old = "value->number[i]);\n        lua_rawseti(L, -2, (lua_Integer)i + 1);",
    new = "value->number[i]);\n        lua_rawseti(L, -2, (lua_Integer)(count - i));" },
  { file = "src/bind/bind_fields.c", old = "type == LUA_TNIL && field->required && field->kind", new = "type == LUA_TNIL && !field->required && field->kind" },
  { file = "src/bind/bind_session.c", old = "    archive->room = archive->kept_room;\n", new = "" },
  { file = "src/bind/bind_session.c", old = "{ hash_more, bind_test_dataset", new = "{ hash_quick, bind_test_dataset" },
  { file = "src/bind/bind_session.c", old = "bind_test_dataset(L, 1) != NULL });", new = "false });",
    tests = { "lua/test_stored_bytes" } },
  { file = "src/bind/bind_train.c", old = "    *logits->loss = lua_tonumber(L, -2);", new = "    *logits->loss = lua_tonumber(L, -1);" },
}
