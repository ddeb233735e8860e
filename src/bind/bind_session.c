/* Files of variables for lua/perigee/archive.lua, which describes and checks their values: the
 * objects in them, each a part of the bundle (data/bundle.h), and the description's text. */
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/bind_samples.h"
#include "bind/versions.h"
#include "core/array.h"
#include "core/error.h"
#include "core/json.h"
#include "data/bundle.h"
#include "files/data_file.h"
#include "files/model_file.h"
#include "files/result_file.h"

#include <stdlib.h>
#include <string.h>

static const char metadata_key[] = "perigee.session";
enum {
    OUTER_VALUES = 100
};                   /* of a description, around those of the variables: more than there are */
enum { FORMAT = 3 }; /* 2: lists, and those of numbers, are not written as tables; 3: objects */

/* Lives in a box, so that an error anywhere frees it. */
typedef struct Archive {
    Tensors tensors;
    cJSON *root; /* of one that is read */
    int parts;   /* put so far: the last one's name */
    int kept;    /* of these; what comes after them may yet be dropped */
    TensorRoom room, kept_room;
    size_t values; /* in the JSON texts that were kept */
} Archive;

static void archive_free(void *object) {
    Archive *archive = object;
    tensors_clear(&archive->tensors);
    cJSON_Delete(archive->root);
    free(archive);
}

static const BoxType archive_type = { "perigee.archive", "an archive", archive_free, NULL };

static Archive *new_archive(lua_State *L) {
    void **box = bind_new_box(L, &archive_type);
    Archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        bind_error(L, "not enough memory");
    tensors_init(&archive->tensors);
    archive->room.bytes = archive->kept_room.bytes = 4096; /* what describes the file itself */
    *box = archive;
    return archive;
}

static int raise_restore(lua_State *L, Error *err) {
    error_prefix(err, "restore");
    return bind_raise(L, err);
}

/* native.archive() → a new one. */
static int archive_new(lua_State *L) {
    new_archive(L);
    return 1;
}

/* The object at `arg` as a part; its kind's name, or NULL if it is not one that can be kept. */
static const char *make_part(lua_State *L, int arg, Tensors *part, bool *ok, Error *err) {
    const Array *array = bind_test_array(L, arg);
    const Dataset *dataset = bind_test_dataset(L, arg);
    const Model *model = bind_test_model(L, arg);
    const AttackResult *result = bind_test_attack_result(L, arg);
    *ok = array     ? array_to(array, part, err)
          : dataset ? dataset_to(dataset, part, err)
          : model   ? model_to(model, NULL, part, err)
                    : result && attack_result_to(result, NULL, part, err);
    return array ? "array" : dataset ? "dataset" : model ? "model" : result ? "result" : NULL;
}

/* Push why the object at `arg` cannot be kept, as the end of a sentence: it is of a kind that can
 * and err says why not, or of none. */
static void push_refusal(lua_State *L, int arg, bool known, const Error *err) {
    char got[128];
    if (known)
        lua_pushfstring(L, "cannot be saved: %s", err->message);
    else
        lua_pushfstring(L, "is %s", bind_describe(L, arg, got));
}

/* Answer nil and why the object at `arg` makes no part; what is no fault of its own is raised. */
static int refuse_part(lua_State *L, int arg, const char *kind, const Error *err) {
    if (kind && err->kind != ERROR_ARGUMENT)
        return bind_raise(L, err);
    lua_pushnil(L);
    push_refusal(L, arg, kind != NULL, err);
    return 2;
}

/* Push 16 hex digits for the object at 1. */
static int push_hash(lua_State *L, const TensorHash *how) {
    Tensors part;
    Error err = { 0 };
    uint64_t hash = 0;
    char digits[24];
    bool ok;
    tensors_init(&part);
    const char *kind = make_part(L, 1, &part, &ok, &err);
    ok = ok && tensors_hash(&part, how, &hash, &err);
    tensors_clear(&part);
    if (!kind || !ok)
        return refuse_part(L, 1, kind, &err);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)hash);
    lua_pushstring(L, digits);
    return 1;
}

/* native.checksum(object) → 16 hex digits that tell whether an array, a dataset (however it is
 * stored), a model or a result is still the same; or nil and why it has none, as the end of a
 * sentence. */
static int native_checksum(lua_State *L) {
    return push_hash(L, &(TensorHash){ hash_more, bind_test_dataset(L, 1) != NULL });
}

/* native.quick_sum(object) → the same for ranks of one job, where it is stored alike. */
static int native_quick_sum(lua_State *L) {
    return push_hash(L, &(TensorHash){ hash_quick, false });
}

/* native.archive_refusal(object) → why it cannot be kept, as the end of a sentence, or nil. */
static int archive_refusal(lua_State *L) {
    const Model *model = bind_test_model(L, 1);
    Error err = { 0 };
    bool known =
        model || bind_test_array(L, 1) || bind_test_dataset(L, 1) || bind_test_attack_result(L, 1);
    if (known && (!model || model_can_be_saved(model, &err)))
        return 0;
    if (err.kind == ERROR_MEMORY)
        return bind_raise(L, &err);
    push_refusal(L, 1, known, &err);
    return 1;
}

/* native.archive_put(archive, object) → its kind and the name of its part; or nil and a reason. */
static int archive_put(lua_State *L) {
    Archive *archive = bind_check(L, 1, &archive_type, "save", "archive");
    Tensors part;
    Error err = { 0 };
    bool ok;
    char name[32];
    tensors_init(&part);
    const char *kind = make_part(L, 2, &part, &ok, &err);
    snprintf(name, sizeof name, "%d", ++archive->parts);
    ok = ok && tensors_room_take(&archive->room, &part, &err) &&
         bundle_put(&archive->tensors, name, &part, &err);
    tensors_clear(&part);
    if (!kind || !ok)
        return refuse_part(L, 2, kind, &err);
    lua_pushstring(L, kind);
    lua_pushstring(L, name);
    return 2;
}

/* native.archive_drop(archive): take out again what was put since the last keep; answers how many
 * parts are left. */
static int archive_drop(lua_State *L) {
    Archive *archive = bind_check(L, 1, &archive_type, "save", "archive");
    char prefix[32];
    for (; archive->parts > archive->kept; archive->parts--) {
        snprintf(prefix, sizeof prefix, "%d/", archive->parts);
        tensors_drop(&archive->tensors, prefix);
    }
    archive->room = archive->kept_room;
    lua_pushinteger(L, archive->parts);
    return 1;
}

/* native.archive_keep(archive, text): what was put since the last keep stays, if there is room for
 * the JSON text that belongs to it; or why not. */
static int archive_keep(lua_State *L) {
    Archive *archive = bind_check(L, 1, &archive_type, "save", "archive");
    Error err = { 0 };
    struct NamedText text = { .key = "", .value = (char *)bind_string(L, 2, "save", "text") };
    TensorRoom room = archive->room;
    if (!tensors_room_take(&room, &(Tensors){ .text = &text, .text_count = 1 }, &err)) {
        lua_pushstring(L, err.message);
        return 1;
    }
    size_t values = archive->values + json_values(text.value) - 1; /* a piece of one text */
    if (values + OUTER_VALUES > JSON_DESCRIPTION) {
        lua_pushfstring(L,
                        "its tables, with those of the variables before it, have more than %d "
                        "values; arrays and lists of numbers count as one each",
                        JSON_DESCRIPTION);
        return 1;
    }
    archive->values = values;
    room.texts = archive->room.texts; /* all variables have one text together */
    archive->kept = archive->parts;
    archive->room = archive->kept_room = room;
    return 0;
}

/* NULL without memory; cJSON_free it. */
static char *describe(const char *values, Error *err) {
    JsonTree tree;
    JsonNode root = json_begin(&tree);
    json_number(root, "format", FORMAT);
    json_item(root, "written_by", bind_header(err));
    json_item(json_list(root, "values"), NULL, cJSON_CreateRaw(values));
    char *text = json_end_text(&tree);
    if (!text)
        error_memory(err, "save", strlen(values));
    return text;
}

static bool can_be_restored(const char *text, Error *err) {
    return json_check_text("save", text, JSON_DESCRIPTION, err) ||
           error_set(err, ERROR_ARGUMENT,
                     "save: the variables' tables have more than %d values; arrays and lists of "
                     "numbers count as one each",
                     JSON_DESCRIPTION);
}

/* native.archive_write(archive, path, values): the objects, and the JSON text of the values. */
static int archive_write(lua_State *L) {
    Archive *archive = bind_check(L, 1, &archive_type, "save", "archive");
    const char *path = bind_string(L, 2, "save", "path");
    Error err = { 0 };
    char *text = describe(bind_string(L, 3, "save", "values"), &err);
    bool ok = text && can_be_restored(text, &err) &&
              tensors_set_text(&archive->tensors, metadata_key, text, &err) &&
              tensors_save(&archive->tensors, path, &err);
    cJSON_free(text);
    return ok ? 0 : bind_raise(L, &err);
}

/* Open the file and parse what it says of its values. */
static bool open_archive(Archive *archive, const char *path, Error *err) {
    if (!tensors_open(&archive->tensors, path, err))
        return false;
    const char *text = tensors_text(&archive->tensors, metadata_key);
    if (!text) {
        bool known = tensors_text(&archive->tensors, "perigee") != NULL;
        return error_set(err, ERROR_FILE, "%s was not written by save%s", path,
                         known ? "; perigee.load(path) reads the model or result in it" : "");
    }
    if (json_check_text("the variables", text, JSON_DESCRIPTION, err)) {
        archive->root = json_parse("the variables", text, JSON_DESCRIPTION, err);
        if ((archive->root || err->kind != ERROR_MEMORY) &&
            json_check_format(archive->root, "session", FORMAT, err))
            return true;
    }
    error_prefix(err, "%s", path);
    return false;
}

/* native.archive_read(path) → the archive in that file, and what it says are its values (JSON as
 * bind_push_json gives it): anything or nil, since the file may be damaged. A file that is refused
 * is closed before that raises. */
static int archive_read(lua_State *L) {
    const char *path = bind_string(L, 1, "restore", "path");
    Archive *archive = new_archive(L);
    Error err = { 0 };
    if (!open_archive(archive, path, &err)) {
        tensors_clear(&archive->tensors);
        return raise_restore(L, &err);
    }
    bind_push_json(L, cJSON_GetObjectItemCaseSensitive(archive->root, "values"));
    cJSON_Delete(archive->root);
    archive->root = NULL;
    return 2;
}

/* Of that kind, as they stand in files; NULL with err. */
static void *object_from(int kind, const Tensors *part, Error *err) {
    return kind == 0   ? (void *)array_from(part, err)
           : kind == 1 ? (void *)dataset_from(part, err)
           : kind == 2 ? (void *)model_from(part, err)
                       : (void *)attack_result_from(part, err);
}

static int push_object(lua_State *L, int kind, void *object, const Error *err) {
    return kind == 0   ? bind_push_array(L, object, err)
           : kind == 1 ? bind_push_dataset(L, object, err)
           : kind == 2 ? bind_push_model(L, object, err)
                       : bind_push_attack_result(L, object, err);
}

/* Of the name on the stack; −1: none. */
static int kind_named(lua_State *L, int arg) {
    static const char *const kinds[] = { "array", "dataset", "model", "result" };
    const char *kind = luaL_checkstring(L, arg);
    for (int k = 0; k < 4; k++)
        if (strcmp(kinds[k], kind) == 0)
            return k;
    return -1;
}

/* native.pack(object) → its kind and, as a string, its bytes, as a file would have them; or nil and
 * why it has none, as the end of a sentence. */
static int native_pack(lua_State *L) {
    void **box = bind_new_memory_box(L);
    Tensors part;
    FileBytes bytes = { 0 };
    Error err = { 0 };
    bool ok;
    tensors_init(&part);
    const char *kind = make_part(L, 1, &part, &ok, &err);
    ok = ok && tensors_pack(&part, "pack", &bytes, &err);
    tensors_clear(&part);
    *box = bytes.bytes;
    if (!kind || !ok)
        return refuse_part(L, 1, kind, &err);
    lua_pushstring(L, kind);
    lua_pushlstring(L, (const char *)bytes.bytes, bytes.size);
    free(bytes.bytes);
    *box = NULL;
    return 2;
}

static void release_lender(void *object) {
    lender_release(object);
}

static const BoxType lender_type = { .name = "perigee.lender",
                                     .shown = "lent memory",
                                     .release = release_lender };

/* native.take_lender(place) → a box for the lender that is there (host/serve.c), which it takes
 * over: the place holds NULL then. */
static int take_lender(lua_State *L) {
    luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
    Lender **place = lua_touserdata(L, 1);
    void **box = bind_new_box(L, &lender_type);
    *box = *place;
    *place = NULL;
    return 1;
}

/* native.lent(lender) → its bytes as a string. */
static int native_lent(lua_State *L) {
    const Lender *lender = bind_check(L, 1, &lender_type, "lent", "memory");
    lua_pushlstring(L, (const char *)lender_bytes(lender), lender_size(lender));
    return 1;
}

/* The tensors of the string or the lent memory at `arg`. */
static bool parse_bytes(lua_State *L, int arg, Tensors *part, Error *err) {
    size_t size;
    Lender *lender = bind_test(L, arg, &lender_type);
    if (lender)
        return tensors_parse_lent("unpack", lender, part, err);
    const char *bytes = luaL_checklstring(L, arg, &size);
    return tensors_parse("unpack", (const unsigned char *)bytes, size, part, err);
}

/* native.unpack(kind, bytes) → the object again; the large arrays of lent memory stay there. */
static int native_unpack(lua_State *L) {
    int kind = kind_named(L, 1);
    Tensors part;
    Error err = { 0 };
    void *object = NULL;
    tensors_init(&part);
    if (kind >= 0 && parse_bytes(L, 2, &part, &err))
        object = object_from(kind, &part, &err);
    tensors_clear(&part);
    return object ? push_object(L, kind, object, &err) : bind_raise(L, &err);
}

/* native.archive_take(archive, kind, name, path) → the object of that part, or nothing where the
 * kind is none, or nil and what the session lacks for it; errors name the path. The part is freed
 * before anything raises. */
static int archive_take(lua_State *L) {
    const Archive *archive = bind_check(L, 1, &archive_type, "restore", "archive");
    int kind = kind_named(L, 2);
    const char *name = luaL_checkstring(L, 3), *path = luaL_checkstring(L, 4);
    Tensors part;
    Error err = { 0 };
    if (kind < 0)
        return 0;
    void *object =
        bundle_take(&archive->tensors, name, &part, &err) ? object_from(kind, &part, &err) : NULL;
    tensors_clear(&part);
    if (!object && err.kind == ERROR_LACKS) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    if (!object) {
        error_prefix(&err, "%s", path);
        return raise_restore(L, &err);
    }
    return push_object(L, kind, object, &err);
}

void bind_open_session(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("checksum", native_checksum, 1),
        BIND("quick_sum", native_quick_sum, 1),
        BIND("pack", native_pack, 1),
        BIND("unpack", native_unpack, 2),
        BIND("lent", native_lent, 1),
        BIND("take_lender", take_lender, 1),
        BIND("archive", archive_new, 0),
        BIND("archive_put", archive_put, 2),
        BIND("archive_keep", archive_keep, 2),
        BIND("archive_drop", archive_drop, 1),
        BIND("archive_write", archive_write, 3),
        BIND("archive_read", archive_read, 1),
        BIND("archive_take", archive_take, 4),
        BIND("archive_refusal", archive_refusal, 1),
        BIND_LAST,
    };
    bind_new_owner(L, &archive_type);
    bind_new_owner(L, &lender_type);
    bind_set_functions(L, functions);
    bind_set_size(L, "archive_values", JSON_DESCRIPTION);
}
