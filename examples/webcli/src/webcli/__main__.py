from webcli.cli import app

app(prog_name="webcli")
