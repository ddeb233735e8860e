/* The readers of the `data` library: public sets, and files and folders of the user's. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_samples.h"

#include "core/notes.h"
#include "data/cifar.h"
#include "data/csv.h"
#include "data/idx.h"
#include "data/images.h"
#include "data/mnist.h"
#include "data/names.h"
#include "data/svmlight.h"

#include <string.h>

/* ---- Shared ---------------------------------------------------------------------------------- */

static bool is_test_part(lua_State *L) {
    const char *word = lua_isnoneornil(L, 1) ? "train" : bind_string(L, 1, bind_where(L), "part");
    bool train = strcmp(word, "train") == 0;
    if (!train && strcmp(word, "test") != 0)
        bind_expected(L, 1, bind_where(L), "part", "\"train\" or \"test\"");
    return !train;
}

static MnistPart check_part(lua_State *L) {
    return is_test_part(L) ? MNIST_TEST : MNIST_TRAIN;
}

/* What was read, as it is; without it the message gets the user's function in front. */
static void *named(lua_State *L, void *read, Error *err) {
    if (!read)
        error_prefix(err, "%s", bind_where(L));
    return read;
}

/* A box for names, so that an error on the way frees them. */
static void release_notes(void *object) {
    class_names_clear(&((CsvNotes *)object)->classes);
}

static const BoxType notes_type = { .name = "perigee.class_names",
                                    .shown = "names of classes",
                                    .release = release_notes };

/* Push a userdata that holds none, and a box that clears them. */
static CsvNotes *push_notes(lua_State *L) {
    CsvNotes *notes = lua_newuserdatauv(L, sizeof *notes, 0);
    *notes = (CsvNotes){ 0 };
    void **box = bind_new_box(L, &notes_type);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1); /* the memory outlives the box */
    *box = notes;
    return notes;
}

/* What was read, with its classes' names. */
static Dataset *with_names(lua_State *L, Dataset *read, ClassNames *classes, Error *err) {
    if (named(L, read, err) && !dataset_add_names(read, classes, err)) {
        dataset_free(read);
        class_names_clear(classes); /* as without the dataset */
        return NULL;
    }
    return read;
}

/* ---- Public sets ----------------------------------------------------------------------------- */

static int read_set(lua_State *L, const IdxSet *set) {
    IdxSetOptions options = { .part = check_part(L) };
    bind_fields(L, 2, bind_where(L), idx_set_fields, &options);
    CsvNotes *notes = push_notes(L);
    BIND_PUSH_NEW_DATASET(L, with_names(L, idx_set_load(set, &options, &notes->classes, &err),
                                        &notes->classes, &err));
    return 1 + bind_push_names(L, &notes->classes);
}

static int data_mnist(lua_State *L) {
    return read_set(L, &idx_mnist);
}

/* data.fashion_mnist(part), data.kmnist(part): and { [label] = name } */
static int data_fashion_mnist(lua_State *L) {
    return read_set(L, &idx_fashion_mnist);
}

static int data_kmnist(lua_State *L) {
    return read_set(L, &idx_kmnist);
}

/* data.find_mnist(part): the folder, or nil and where it was looked for. */
static int data_find_mnist(lua_State *L) {
    MnistPart part = check_part(L);
    char folder[MNIST_PATH];
    Error err = { 0 };
    if (!mnist_find(part, folder, &err))
        return bind_nil_error(L, &err);
    lua_pushstring(L, folder);
    return 1;
}

static int read_cifar(lua_State *L, const CifarSet *set, const Field *fields,
                      CifarOptions options) {
    options.test = is_test_part(L);
    bind_fields(L, 2, bind_where(L), fields, &options);
    CsvNotes *notes = push_notes(L);
    BIND_PUSH_NEW_DATASET(
        L, with_names(L, cifar_load(set, &options, &notes->classes, &err), &notes->classes, &err));
    return 1 + bind_push_names(L, &notes->classes);
}

/* data.cifar10(part, { path = }), data.cifar100(part, { labels =, path = }): and { [label] = name }
 */
static int data_cifar10(lua_State *L) {
    return read_cifar(L, &cifar10, cifar10_fields, cifar10_initial);
}

static int data_cifar100(lua_State *L) {
    return read_cifar(L, &cifar100, cifar100_fields, cifar100_initial);
}

/* data.idx(samples, labels, { transpose = }) */
static int data_idx(lua_State *L) {
    const char *samples = bind_string(L, 1, "data.idx", "samples");
    const char *labels = bind_string(L, 2, "data.idx", "labels");
    IdxOptions options = { 0 };
    bind_fields(L, 3, "data.idx", idx_fields, &options);
    BIND_DATASET_RETURN(L, named(L, idx_load(samples, labels, &options, &err), &err));
}

/* ---- Tables of text -------------------------------------------------------------------------- */

/* An option that is true, false or "auto", which nil is as well: 0 for that, `yes` or `no`. */
static int three_way(lua_State *L, int arg, const char *key, int yes, int no) {
    int type = bind_opt_push(L, arg, key), answer = 0;
    if (type == LUA_TBOOLEAN)
        answer = lua_toboolean(L, -1) ? yes : no;
    else if (type != LUA_TNIL && (type != LUA_TSTRING || strcmp(lua_tostring(L, -1), "auto") != 0))
        bind_expected(L, -1, bind_where(L), key, "true, false or \"auto\"");
    lua_pop(L, 1);
    return answer;
}

/* The option label, a name or a place; the string stays in the options. */
static void read_label(lua_State *L, int arg, CsvOptions *options) {
    int type = bind_opt_push(L, arg, "label");
    if (type == LUA_TSTRING)
        options->label = lua_tostring(L, -1);
    else if (type == LUA_TNUMBER)
        options->column =
            (ptrdiff_t)bind_integer(L, -1, bind_where(L), "label", -(1 << 24), 1 << 24);
    else if (type != LUA_TNIL)
        bind_expected(L, -1, bind_where(L), "label", "a column's name or place");
    lua_pop(L, 1);
}

/* data.csv(path, { header =, label =, delimiter =, missing = }): and { [label] = text } */
static int data_csv(lua_State *L) {
    const char *path = bind_string(L, 1, "data.csv", "path");
    CsvOptions options = csv_initial;
    bind_fields(L, 2, "data.csv", csv_fields, &options);
    options.header = (CsvHeader)three_way(L, 2, "header", CSV_HEADER_YES, CSV_HEADER_NO);
    read_label(L, 2, &options);
    CsvNotes *notes = push_notes(L);
    BIND_PUSH_NEW_DATASET(
        L, with_names(L, csv_load(path, &options, notes, &err), &notes->classes, &err));
    if (notes->left_out)
        note_leave("%zu row%s of %s with a missing field %s left out", notes->left_out,
                   notes->left_out == 1 ? "" : "s", path, notes->left_out == 1 ? "is" : "are");
    return 1 + bind_push_names(L, &notes->classes);
}

/* data.svmlight(path, { features =, zero_based = }) */
static int data_svmlight(lua_State *L) {
    const char *path = bind_string(L, 1, "data.svmlight", "path");
    SvmlightOptions options = svmlight_initial;
    bind_fields(L, 2, "data.svmlight", svmlight_fields, &options);
    options.base = (SvmlightBase)three_way(L, 2, "zero_based", SVMLIGHT_ZERO, SVMLIGHT_ONE);
    BIND_DATASET_RETURN(L, named(L, svmlight_load(path, &options, &err), &err));
}

/* ---- Folders of pictures --------------------------------------------------------------------- */

/* data.images(folder, { size =, gray =, resample = }): and { [label] = name } */
static int data_images(lua_State *L) {
    const char *folder = bind_string(L, 1, "data.images", "folder");
    ImagesOptions options = images_initial;
    bind_fields(L, 2, "data.images", images_fields, &options);
    options.colour = (ImagesColour)three_way(L, 2, "gray", IMAGES_GREY, IMAGES_COLOUR);
    CsvNotes *notes = push_notes(L);
    BIND_PUSH_NEW_DATASET(L, with_names(L, images_load(folder, &options, &notes->classes, &err),
                                        &notes->classes, &err));
    return 1 + bind_push_names(L, &notes->classes);
}

/* ---- The library's part ---------------------------------------------------------------------- */

#define OPTIONS(...) (&(const Fields){ __VA_ARGS__ })
static const IdxOptions idx_initial;
static const IdxSetOptions set_initial;

static const BindFunction readers[] = {
    BIND_WITH("mnist", data_mnist, 2, OPTIONS(idx_set_fields, &set_initial)),
    BIND("find_mnist", data_find_mnist, 1),
    BIND_WITH("fashion_mnist", data_fashion_mnist, 2, OPTIONS(idx_set_fields, &set_initial)),
    BIND_WITH("kmnist", data_kmnist, 2, OPTIONS(idx_set_fields, &set_initial)),
    BIND_WITH("cifar10", data_cifar10, 2, OPTIONS(cifar10_fields, &cifar10_initial)),
    BIND_WITH("cifar100", data_cifar100, 2, OPTIONS(cifar100_fields, &cifar100_initial)),
    BIND_WITH("idx", data_idx, 3, OPTIONS(idx_fields, &idx_initial)),
    BIND_WITH("csv", data_csv, 2, OPTIONS(csv_fields, &csv_initial)),
    BIND_WITH("svmlight", data_svmlight, 2, OPTIONS(svmlight_fields, &svmlight_initial)),
    BIND_WITH("images", data_images, 2, OPTIONS(images_fields, &images_initial)),
    BIND_LAST,
};

void bind_data_readers(lua_State *L) {
    bind_new_owner(L, &notes_type);
    bind_set_functions(L, readers);
}
