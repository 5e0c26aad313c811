from sparkbed.program import main

main()
