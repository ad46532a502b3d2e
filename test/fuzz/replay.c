/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target without libFuzzer: runs it over its corpus, as it is, cut off at every byte, and with every bit flipped.
 * Prints TAP. The arguments are files; without them they are those of corpus/NAME, the target being fuzz_NAME.
 */
#include <stdio.h>
#include <stdlib.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>

#include "fuzz.h"

static void die(const char *what, const char *name)
{
    printf("Bail out! %s %s\n", what, name);
    exit(1);
}

/* A copy with nothing behind it. */
static void run(const char *bytes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);

    if (!copy) {
        abort();
    }
    memcpy(copy, bytes, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static void run_variants(char *bytes, size_t length)
{
    size_t i;
    int bit;

    run(bytes, length);
    for (i = 0; i < length; i++) {
        run(bytes, i);
        for (bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            run(bytes, length);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    }
}

static void replay(const char *path)
{
    static char bytes[64 * 1024];
    FILE *file = fopen(path, "rb");
    size_t length;

    if (!file) {
        die("cannot read", path);
    }
    length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    fuzz_input = path;
    run_variants(bytes, length);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static apr_array_header_t *corpus_of(const char *program)
{
    apr_pool_t *pool = fuzz_lasting_pool();
    apr_array_header_t *paths = apr_array_make(pool, 16, sizeof(char *));
    const char *name = strstr(program, "fuzz_");
    const char *folder = apr_pstrcat(pool, FUZZ_CORPUS "/", name ? name + 5 : "", NULL);
    apr_finfo_t file;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, folder, pool) != APR_SUCCESS) {
        die("there is no folder", folder);
    }
    while (apr_dir_read(&file, APR_FINFO_TYPE | APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (file.filetype == APR_REG) {
            APR_ARRAY_PUSH(paths, const char *) =
                apr_pstrcat(pool, folder, "/", file.name, NULL);
        }
    }
    if (paths->nelts == 0) {
        die("there are no files in", folder);
    }
    qsort(paths->elts, (size_t)paths->nelts, sizeof(char *), by_name);
    return paths;
}

int main(int argc, const char *const *argv)
{
    const char *const *paths = argv + 1;
    int i, count = argc - 1;

    if (count == 0) {
        const apr_array_header_t *corpus = corpus_of(apr_filepath_name_get(argv[0]));
        paths = (const char *const *)(const void *)corpus->elts;
        count = corpus->nelts;
    }
    printf("1..%d\n", count);
    for (i = 0; i < count; i++) {
        replay(paths[i]);
        printf("ok %d - %s\n", i + 1, apr_filepath_name_get(paths[i]));
    }
    return 0;
}
