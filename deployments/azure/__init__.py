"""What an Azure subscription has to allow, generated from what is really called."""
