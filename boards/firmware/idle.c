/* The main of a program whose functions are called from outside, by an emulator or a debugger. */
int main(void)
{
    for (;;)
        __asm__ volatile("");
}
