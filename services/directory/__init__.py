"""What an administrator sets up: accounts, sectors, agents, connections, secrets, logins."""
