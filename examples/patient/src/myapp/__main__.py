from myapp.myapp import main

main(prog_name="myapp")
