#include "coremark.h"

volatile ee_s32 seed1_volatile = 0x0;
volatile ee_s32 seed2_volatile = 0x0;
volatile ee_s32 seed3_volatile = 0x66;
volatile ee_s32 seed4_volatile = 1; /* iterations */
volatile ee_s32 seed5_volatile = 0;
volatile ee_u32 edgernn_errors = 0;

ee_u32 default_num_contexts = 1;

void start_time(void)
{
}

void stop_time(void)
{
}

CORE_TICKS get_time(void)
{
    return 1;
}

secs_ret time_in_secs(CORE_TICKS ticks)
{
    return ticks;
}

void portable_init(core_portable *p, int *argc, char *argv[])
{
    (void)argc;
    (void)argv;
    p->portable_id = 1;
}

void portable_fini(core_portable *p)
{
    p->portable_id = 0;
}

/* Messages about wrong results begin with "[%u]ERROR". */
int ee_printf(const char *format, ...)
{
    if (format[0] == '[' && format[4] == 'E')
        edgernn_errors++;
    return 0;
}
