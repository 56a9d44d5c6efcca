/* QEMU plugin: counts how often each translated block starts, in a file that another process maps.
 *
 * The file is an array of records of three 64-bit numbers: address, instructions, executions. It is given, with its
 * length, as counts=PATH; records are taken in order, and the first without instructions is free. When they run out, the
 * last one counts all further blocks. Declarations are from QEMU's documentation of TCG plugins. Bytes are not counted:
 * QEMU 7.2 gives the last instruction before the end of a page those of the next one that it has looked at.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION 1
#endif
#define VISIBLE __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

typedef void (*translated)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*executed)(unsigned int processor, void *data);
enum registers { NO_REGISTERS };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, executed callback, enum registers flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);

VISIBLE extern int qemu_plugin_version;
VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

VISIBLE int qemu_plugin_version = PLUGIN_VERSION;

typedef struct {
    uint64_t address, instructions, executions;
} record;

static record *records;
static size_t capacity;

static void count(unsigned int processor, void *data)
{
    (void)processor;
    ((record *)data)->executions++;
}

static record *find(uint64_t address, uint64_t instructions)
{
    record *r = records;
    for (; r < records + capacity - 1; r++) {
        if (r->instructions == 0) {
            r->address = address;
            r->instructions = instructions;
        }
        if (r->address == address && r->instructions == instructions)
            break;
    }
    return r;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *block)
{
    record *const counted = find(qemu_plugin_tb_vaddr(block), qemu_plugin_tb_n_insns(block));
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, count, NO_REGISTERS, counted);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    static const char key[] = "counts=";
    const size_t length = sizeof key - 1;
    (void)info;
    for (int k = 0; k < argc; k++) {
        struct stat file;
        const int handle = strncmp(argv[k], key, length) == 0 ? open(argv[k] + length, O_RDWR) : -1;
        if (handle < 0)
            continue;
        if (fstat(handle, &file) == 0 && (size_t)file.st_size >= 2 * sizeof *records) {
            capacity = (size_t)file.st_size / sizeof *records;
            records = mmap(NULL, capacity * sizeof *records, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
        }
        close(handle);
    }
    if (records == NULL || records == MAP_FAILED)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
