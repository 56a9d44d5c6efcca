"""What a step of an artifact costs on the machine that runs it: time, memory, temperature. Needs NumPy alone.

``start.py`` is a program: ``edgernn profile`` copies it with the runtime to a board and starts it there.
"""
